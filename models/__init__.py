"""What a model is: front end, network, runtimes, decoders, interpreters, and the Recognizer that joins them."""
