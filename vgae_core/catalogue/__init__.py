"""What can be chosen, one file a kind: outputs, losses, metrics, encoders, decoders, recipes and the like.

Standard library only.  :class:`~vgae_core.catalogue.base.Entry` says what every choice has.
"""
