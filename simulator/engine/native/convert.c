/* From photons in doubles to the numbers that files hold: the formulas of io/numpy_image.py, number for number. A region is
 * `rows` x `columns` pixels whose rows begin `stride` pixels apart. Compiled without fused multiply-adds, which would round
 * once where the reference rounds twice. */
#include <math.h>
#include <stdint.h>

#define TOP 65535.0

/* found: the least, the greatest, the sum, and how many are no numbers (left out of the others). Summed row by row, so that
 * rounding does not grow with the number of pixels. */
void convert_extremes(const double *pixels, int64_t stride, int64_t rows, int64_t columns, double *found)
{
    double least = INFINITY, greatest = -INFINITY, sum = 0.0, missing = 0.0;
    for (int64_t row = 0; row < rows; row++) {
        const double *line = pixels + row * stride;
        double of_row = 0.0;
        for (int64_t k = 0; k < columns; k++) {
            if (isnan(line[k])) {
                missing++;
                continue;
            }
            least = line[k] < least ? line[k] : least;
            greatest = line[k] > greatest ? line[k] : greatest;
            of_row += line[k];
        }
        sum += of_row;
    }
    found[0] = least, found[1] = greatest, found[2] = sum, found[3] = missing;
}

void convert_floats(const double *pixels, int64_t count, float *out)
{
    for (int64_t k = 0; k < count; k++) out[k] = (float)pixels[k];
}

/* floor(float(I scale + adc + 1/2)) within 0 ... 65535, I through float; `out` has the stride of the image. Returns how many
 * were cut to that range. */
int64_t convert_counts(const double *pixels, int64_t stride, int64_t rows, int64_t columns, double scale, double adc,
                       uint16_t *out)
{
    int64_t cut = 0;
    for (int64_t row = 0; row < rows; row++) {
        const double *line = pixels + row * stride;
        uint16_t *counts = out + row * stride;
        for (int64_t k = 0; k < columns; k++) {
            double value = (double)(float)line[k] * scale + adc + 0.5;
            double whole = floor((double)(float)value);
            cut += value < 0.0 || value >= TOP + 1.0;
            whole = whole < 0.0 ? 0.0 : whole;
            counts[k] = (uint16_t)(int32_t)(whole > TOP ? TOP : whole);
        }
    }
    return cut;
}

/* The root of the sum of squared deviations from the mean over one less than their number, of the pixels as floats. */
double convert_deviation(const double *pixels, int64_t stride, int64_t rows, int64_t columns)
{
    double number = (double)rows * (double)columns, sum = 0.0, squares = 0.0;
    for (int64_t row = 0; row < rows; row++) {
        double of_row = 0.0;
        for (int64_t k = 0; k < columns; k++) of_row += (float)pixels[row * stride + k];
        sum += of_row;
    }
    double mean = sum / number;
    for (int64_t row = 0; row < rows; row++) {
        double of_row = 0.0;
        for (int64_t k = 0; k < columns; k++) {
            double off = (float)pixels[row * stride + k] - mean;
            of_row += off * off;
        }
        squares += of_row;
    }
    return sqrt(squares / (number - 1.0));
}

/* trunc(I scale) within 0 ... 255, I through float. */
void convert_grey(const double *pixels, int64_t count, double scale, uint8_t *out)
{
    for (int64_t k = 0; k < count; k++) {
        double grey = (double)(float)pixels[k] * scale;
        grey = grey < 0.0 ? 0.0 : grey;
        out[k] = (uint8_t)(int32_t)(grey > 255.0 ? 255.0 : grey);
    }
}

/* Deviates [rows, columns] + adc as floats, cut to 0 ... 65535, their fractions dropped; returns how many were above. */
int64_t convert_read_out(const float *deviates, int64_t rows, int64_t columns, float adc, uint16_t *out, int64_t stride)
{
    int64_t overloads = 0;
    for (int64_t row = 0; row < rows; row++)
        for (int64_t k = 0; k < columns; k++) {
            float value = deviates[row * columns + k] + adc;
            overloads += value > (float)TOP;
            value = value < 0.0f ? 0.0f : value;
            out[row * stride + k] = (uint16_t)(int32_t)(value > (float)TOP ? (float)TOP : value);
        }
    return overloads;
}
