"""Stages of the chain, one module each: read params and inputs, call setwise, write outputs whole or not at all."""
