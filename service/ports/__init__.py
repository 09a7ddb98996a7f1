"""What the flow needs from the world, one port a file; adapters stand in service.adapters and dicom_nodes."""
