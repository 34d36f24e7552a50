// Bodies and town: out of their own frame into the camera's.
in vec3 in_position;
in vec4 in_normal;
in vec3 in_colour;
in uint in_tag;
#ifdef TEXTURED
in vec2 in_uv;
out vec2 uv;
#endif

uniform mat4 relative_from_body;
uniform uint actor;

out vec3 relative;
out vec3 normal;
out vec3 colour;
flat out uint label;

#ifdef LIT
out float open_sky;
#ifndef NIGHT
out vec3 in_shadow_map;
#endif
#ifndef MURKY
out vec4 air;
#endif
#endif

#ifdef FLOW
uniform mat4 moved_from_body;  // into the camera's frame of the frame before, less `relative_from_body`
uniform int last_vertex;       // from a vertex to the same one of the mesh of the frame before
uniform sampler2D places;      // positions of all vertices, row by row
out vec3 moved;
#endif

invariant gl_Position;

void main() {
    vec4 position = relative_from_body * vec4(in_position, 1.0);
    gl_Position = clip_from_relative * position;
    relative = position.xyz;
    normal = mat3(relative_from_body) * in_normal.xyz;
    colour = in_colour * in_colour;  // sRGB to linear, near enough
    label = (in_tag << 16) | actor;
#ifdef TEXTURED
    uv = in_uv;
#endif
#ifdef LIT
    open_sky = in_normal.w * (1.0 / 32767.0);
#ifndef NIGHT
#ifdef CASTS
    vec4 found = vec4(relative + normal * (key.w * (1.0 / 32767.0)), 1.0);  // normals come unscaled
#else
    vec4 found = position;
#endif
    in_shadow_map = (shadow_from_relative * found).xyz;
#endif
#ifndef MURKY
    air = vec4(air_light(normalize(relative)), hazed(relative));
#endif
#endif
#ifdef FLOW
    moved = (moved_from_body * vec4(in_position, 1.0)).xyz;
    if (last_vertex != 0) {
        int k = gl_VertexID + last_vertex, columns = textureSize(places, 0).x;
        vec3 last = texelFetch(places, ivec2(k % columns, k / columns), 0).xyz;
        moved += mat3(relative_from_body + moved_from_body) * (last - in_position);
    }
#endif
}
