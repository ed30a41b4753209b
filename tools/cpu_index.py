"""Print pip's option for PyTorch's index of CPU builds, where one is wanted and the index answers.

On Linux the default wheel of PyTorch brings CUDA along, several gigabytes; elsewhere it does not.
A machine that cannot reach the index waits three seconds at most, and installs what it finds.
"""

import sys
import threading
import urllib.request

INDEX = "https://download.pytorch.org/whl/cpu"
SECONDS = 3


def answers(url: str, seconds: float) -> bool:
    """Tell whether a request for the head of `url` succeeds within so many seconds."""
    done = []

    def ask() -> None:
        request = urllib.request.Request(url, method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=seconds):
                done.append(url)
        except (OSError, ValueError):
            pass  # no name, no route, no answer, or a proxy's refusal

    # In a thread, because the timeout of a request does not cover the look-up of its host.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return bool(done)


if __name__ == "__main__":
    if sys.platform == "linux" and answers(f"{INDEX}/torch/", SECONDS):
        print("--extra-index-url", INDEX)
