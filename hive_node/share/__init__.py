"""The share flow: compose → scope → sign → append → send. What leaves has passed the scope guard, byte for byte."""
