"""`dsh review`: a page on this computer alone, whose marks become decisions in the index as they are made."""
