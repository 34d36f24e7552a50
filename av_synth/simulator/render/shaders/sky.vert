// One triangle over the whole image, infinitely far away.
uniform mat4 relative_from_clip;
out vec3 ray;
void main() {
    vec2 corner = vec2(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0);
    gl_Position = vec4(corner, 0.0, 1.0);
    ray = (relative_from_clip * vec4(corner, 1.0, 1.0)).xyz;
}
