// Bodies and town: out of their own frame into the camera's.
in vec3 in_position;
in vec4 in_normal;
in vec3 in_colour;
in uint in_tag;

uniform mat4 relative_from_body;
uniform uint actor;

out vec3 relative;
out vec3 normal;
out vec3 colour;
flat out uint label;

invariant gl_Position;

void main() {
    vec4 position = relative_from_body * vec4(in_position, 1.0);
    gl_Position = clip_from_relative * position;
    relative = position.xyz;
    normal = mat3(relative_from_body) * in_normal.xyz;
    colour = in_colour * in_colour;  // sRGB to linear, near enough
    label = (in_tag << 16) | actor;
}
