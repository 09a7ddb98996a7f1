"""Whatever speaks DICOM on a wire or writes a DICOM object."""
