"""From CTC log-probabilities to text: best path, beam search, and where in time each word lies."""
