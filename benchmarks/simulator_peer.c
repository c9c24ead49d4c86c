/* A stand-in peer for the speed table: the same sums written the straightforward scalar way, one step at a time with
 * six library sines, as a C program of this field does. It is NOT the reference program; it serves where that is not
 * installed. Build: cc -O3 -shared for the inner loop; cc -O3 -fopenmp -DCOMMAND for a whole command, which reads its
 * numbers from one file and writes the float image and the SMV image as the reference does. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static double grating(double x, double n)
{
    if (x == 0.0) return n;
    return sin(x * n) / sin(x);
}

/* Rodrigues: turn `v` about a unit axis. */
static void turn(const double *v, double *to, const double *axis, double angle)
{
    if (angle == 0.0) {
        for (int j = 0; j < 3; j++) to[j] = v[j];
        return;
    }
    double s = sin(angle), c = cos(angle), along = (axis[0] * v[0] + axis[1] * v[1] + axis[2] * v[2]) * (1.0 - c);
    to[0] = axis[0] * along + v[0] * c + (axis[1] * v[2] - axis[2] * v[1]) * s;
    to[1] = axis[1] * along + v[1] * c + (axis[2] * v[0] - axis[0] * v[2]) * s;
    to[2] = axis[2] * along + v[2] * c + (axis[0] * v[1] - axis[1] * v[0]) * s;
}

static void apply(const double *v, double *to, const double *m)
{
    for (int i = 0; i < 3; i++) to[i] = m[3 * i] * v[0] + m[3 * i + 1] * v[1] + m[3 * i + 2] * v[2];
}

/* One source, no layers: per sub-pixel the geometry, per spindle step and mosaic block the turned lattice, as the order
 * of the reference's loops has it. Detector in metres, `real` and the wavelength in Angstrom. */
void peer_image(const double *origin, const double *fast, const double *slow, const double *beam, double pixel,
                double close, double wavelength, const double *real, const double *spindle, const double *angles,
                long phi_steps, const double *blocks, long domains, const double *cells, long width, long height,
                long oversample, double amplitude, double *out)
{
#pragma omp parallel for schedule(dynamic, 1)
    for (long row = 0; row < height; row++)
        for (long column = 0; column < width; column++) {
            double sum = 0.0, omega = 0.0, polar = 0.0;
            for (long sub_s = 0; sub_s < oversample; sub_s++)
                for (long sub_f = 0; sub_f < oversample; sub_f++) {
                    double u = pixel / oversample * (oversample * column + sub_f) + pixel / oversample / 2.0;
                    double v = pixel / oversample * (oversample * row + sub_s) + pixel / oversample / 2.0;
                    double ray[3], q[3], square = 0.0;
                    for (int j = 0; j < 3; j++) {
                        ray[j] = u * fast[j] + v * slow[j] + origin[j];
                        square += ray[j] * ray[j];
                    }
                    double length = sqrt(square);
                    for (int j = 0; j < 3; j++) ray[j] /= length;
                    if (omega == 0.0) omega = pixel * pixel / length / length * close / length;
                    for (int j = 0; j < 3; j++) q[j] = (ray[j] - beam[j]) / wavelength;
                    double turned[9];
                    for (long step = 0; step < phi_steps * domains; step++) {
                        double a[9], factor = 1.0;
                        if (step % domains == 0)
                            for (int j = 0; j < 3; j++) turn(real + 3 * j, turned + 3 * j, spindle, angles[step / domains]);
                        for (int j = 0; j < 3; j++) apply(turned + 3 * j, a + 3 * j, blocks + 9 * (step % domains));
                        for (int j = 0; j < 3; j++) {
                            double index = a[3 * j] * q[0] + a[3 * j + 1] * q[1] + a[3 * j + 2] * q[2];
                            if (cells[j] > 1) factor *= grating(3.14159265358979323846 * index, cells[j]);
                        }
                        if (factor == 0.0) continue;
                        if (polar == 0.0) {
                            double cosine = beam[0] * ray[0] + beam[1] * ray[1] + beam[2] * ray[2];
                            polar = 0.5 * (1.0 + cosine * cosine);
                        }
                        sum += factor * factor;
                    }
                }
            out[row * width + column] = amplitude * sum * omega * polar;
        }
}

#ifdef COMMAND
/* command NUMBERS FLOATS SMV: five whole numbers and then doubles, in the order of the arguments of peer_image. */
int main(int count, char **words)
{
    FILE *in = count == 4 ? fopen(words[1], "rb") : 0;
    long n[5];
    if (!in || fread(n, sizeof *n, 5, in) != 5) return 2;
    size_t doubles = 31 + n[0] + 9 * n[1], pixels = (size_t)n[2] * n[3];
    double *d = malloc(doubles * sizeof *d), *image = malloc(pixels * sizeof *image), most = 0.0;
    float *floats = malloc(pixels * sizeof *floats);
    unsigned short *counts = malloc(pixels * sizeof *counts);
    if (!d || !image || !floats || !counts || fread(d, sizeof *d, doubles, in) != doubles) return 2;
    fclose(in);
    peer_image(d, d + 3, d + 6, d + 9, d[12], d[13], d[14], d + 15, d + 24, d + 31, n[0], d + 31 + n[0], n[1], d + 27, n[2],
               n[3], n[4], d[30], image);
    for (size_t k = 0; k < pixels; k++) {
        floats[k] = (float)image[k];
        if (floats[k] > most) most = floats[k];
    }
    FILE *out = fopen(words[2], "wb");
    if (!out || fwrite(floats, sizeof *floats, pixels, out) != pixels || fclose(out)) return 2;
    for (size_t k = 0; k < pixels; k++) {
        double value = floor((float)(floats[k] * (55000.0 / most) + 40.5));
        counts[k] = value > 65535.0 ? 65535 : (unsigned short)value;
    }
    char head[512];
    for (int k = 0; k < 512; k++) head[k] = ' ';
    out = fopen(words[3], "wb");
    if (!out || fwrite(head, 1, 512, out) != 512 || fwrite(counts, 2, pixels, out) != pixels || fclose(out)) return 2;
    return 0;
}
#endif
