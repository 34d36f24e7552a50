// Depths alone, as the sun sees bodies and town.
void main() {}
