"""Wire format to AlertGroup, labels to Subject."""
