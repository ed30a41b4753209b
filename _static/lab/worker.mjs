// The worker of the gradient lab: trains the networks that the page asks for and says how they
// stand. Messages in: {set: settings, id}; {run: {perSecond, until, every}}, where 0 a second is as
// fast as it can, with a snapshot every so many milliseconds; {pause: true}; {step: updates}.
// Messages out, the snapshots: {id, update, running, runs, marked}.
import { lossAndGradients, network, trainer } from "./network.mjs";
import { draw, generator, init, PROBLEMS } from "./problems.mjs";

const BATCH = 16; // sequences an update, and sequences of the test batch
const BLOCK = 10; // updates behind one point of the loss curve
const RECENT = 50; // updates whose mean loss decides whether a problem is solved
const SLICE = 40; // milliseconds of work before messages are read again

const mean = (numbers) => numbers.reduce((sum, n) => sum + n, 0) / numbers.length;

/** One network, how it is trained, and how it stood. */
class Run {
  constructor(layer, settings) {
    const { problem, units, rate, optimizer, seed } = settings;
    const { D, constant } = PROBLEMS[problem];
    const params = init(layer, D, units, settings, generator(1000 + seed));
    this.net = network(layer, D, units, 1, params);
    this.train = trainer(this.net, { lr: rate, maxNorm: 1, optimizer });
    Object.assign(this, { constant, update: 0, recent: [], points: [], solved: null });
  }

  /** One update; a network whose numbers are no longer finite stands still. */
  next(batch) {
    if (this.failed) return;
    try {
      this.recent.push(this.train(batch).loss);
    } catch {
      this.failed = true;
      return;
    }
    this.update++;
    if (this.update % BLOCK === 0) this.points.push([this.update, mean(this.recent.slice(-BLOCK))]);
    if (this.recent.length > RECENT) this.recent.shift();
    if (this.recent.length === RECENT && this.loss < this.constant / 10)
      this.solved ??= this.update;
  }

  get loss() {
    return this.recent.length ? mean(this.recent) : null;
  }

  /** What the test batch shows: the gradient left by lag, and the gates of an LSTM. */
  look(test) {
    const { byLag, tape } = lossAndGradients(this.net, test);
    const left = Array.from(byLag, (norm) => norm / byLag[0]);
    const gates = tape.gates && gatesOf(this.net.H, tape, test.marked);
    const { loss, update, solved, failed } = this;
    return {
      layer: this.net.layer,
      loss,
      update,
      solved,
      failed,
      left,
      gates,
      points: this.points,
    };
  }
}

// Means over the units: of each gate along the first sequence, at the steps that matter and at all
// others of the whole batch.
function gatesOf(H, { T, B, gates }, marked) {
  const of = (n, gate) => mean(gates.subarray(n * 4 * H + gate * H, n * 4 * H + (gate + 1) * H));
  return Object.entries({ i: 0, f: 1, o: 3 }).map(([name, gate]) => {
    const [matter, others] = [[], []];
    for (let n = 0; n < T * B; n++)
      (marked[n % B].includes(Math.floor(n / B)) ? matter : others).push(of(n, gate));
    const course = Array.from({ length: T }, (_, t) => of(t * B, gate));
    return { name, course, matter: mean(matter), others: mean(others) };
  });
}

let lab = null;
let timer = null;

function set(settings, id) {
  const { problem, length, layers, seed } = settings;
  const test = draw(problem, length, BATCH, generator(2000 + seed));
  const runs = layers.map((layer) => new Run(layer, settings));
  lab = { id, settings, test, runs, rng: generator(seed), update: 0 };
}

function update() {
  const { settings, rng, runs } = lab;
  const batch = draw(settings.problem, settings.length, BATCH, rng); // the same for all networks
  for (const run of runs) run.next(batch);
  lab.update++;
}

function report(running) {
  const { id, update, runs, test } = lab;
  postMessage({
    id,
    update,
    running,
    marked: test.marked[0],
    runs: runs.map((run) => run.look(test)),
  });
}

function pause() {
  clearTimeout(timer);
  timer = null;
}

// Works for a slice, or does the one update that is due, and comes back.
function work(run, reported = 0) {
  const { perSecond, until, every } = run;
  const begin = performance.now();
  do update();
  while (!perSecond && lab.update < until && performance.now() - begin < SLICE);
  const done = lab.update >= until || lab.runs.every((run) => run.failed);
  const due = performance.now() - reported > every;
  if (done || due) report(!done);
  if (done) return pause();
  const rest = perSecond ? 1000 / perSecond - (performance.now() - begin) : 0;
  timer = setTimeout(work, Math.max(0, rest), run, due ? performance.now() : reported);
}

onmessage = ({ data }) => {
  pause();
  if (data.set) set(data.set, data.id);
  for (let k = 0; k < (data.step ?? 0); k++) update();
  if (data.run) work(data.run);
  else report(false);
};
