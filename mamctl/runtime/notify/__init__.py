"""What services say of themselves: over sd_notify, or by a line on a descriptor (s6)."""
