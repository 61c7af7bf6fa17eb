"""What `mamctl doctor` looks at: each module answers with findings, changes nothing, and bears a broken system."""
