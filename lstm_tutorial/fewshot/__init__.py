"""Learning from few examples: episodes, and the learners that are given them."""
