"""DICOMweb for viewers (PS3.18): QIDO-RS and WADO-RS over the studies that have arrived here."""
