"""DICOMweb (PS3.18): STOW-RS for senders, QIDO-RS and WADO-RS for viewers over the studies that have arrived here."""
