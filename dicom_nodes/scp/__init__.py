"""The Storage SCP: negotiation and C-ECHO by pynetdicom, objects streamed into the spool, every failure named."""
