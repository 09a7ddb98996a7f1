"""Templates: foreign forms (IHE MRRT, common data elements) and phrase files to the domain's, and the shelf of them."""
