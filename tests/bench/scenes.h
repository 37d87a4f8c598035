/* scenes.h - what is drawn on the source display: deterministic by the number of the frame. */
#ifndef SCENES_H
#define SCENES_H
#include <X11/Xlib.h>

#define SW 1920
#define SH 1080
#define MAXF 8192

enum { BLOCK_X = 928, BLOCK_Y = 508, BLOCK_SIDE = 64, COLOURS = 8, CARET = 0xFF8C00 };
extern const unsigned palette[COLOURS];

/* The source display and the window that covers it. */
extern Display *S;
extern Window win;
extern GC gc;
extern int scr;
extern int topx, topy, botx, boty; /* barcodes above and below what moves */

void die(const char *text);
double rnd(void); /* 0 to 1, from the seed */
void caret_cell(int id, int *x, int *y);
unsigned code(int id);
int has_bars(const char *workload);

/* Connects and covers the source with a window that is not mapped yet. */
void scene_open(const char *display, const char *assets, unsigned seed);
/* Maps the window over the wallpaper, with `workload` before its first frame; returns the seconds between two frames. */
double scene_prepare(const char *workload);
/* Frame `id` after frame `id` - 1. */
void scene_draw(int id);
/* Frame `id` from nothing: what the source showed when it was drawn. */
void scene_redraw(int id);
#endif
