"""What tests are made of, for this project and for those who write backends."""
