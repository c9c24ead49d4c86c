"""What a probe plants in the process under test: treatments that change one factor, meters that measure."""
