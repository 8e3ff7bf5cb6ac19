/* wav.h — reads a WAV file as one channel of 16,000 samples a second. */
#ifndef WAV_H
#define WAV_H

enum { WAV_RATE = 16000 };

/* Samples in [-1, 1], to be freed; NULL after a sentence on stderr. PCM of 16 bits and floats of 32
 * are taken, any number of channels and any rate. */
float *wav_read(const char *path, long *count);

#endif
