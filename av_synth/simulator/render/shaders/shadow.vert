// Bodies and town as the sun sees them.
in vec3 in_position;
uniform mat4 clip_from_body;
void main() { gl_Position = clip_from_body * vec4(in_position, 1.0); }
