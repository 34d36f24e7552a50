"""Points: checks of lidar and radar points and of what is said about them."""
