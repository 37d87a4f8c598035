/* scenes.c - see scenes.h */
#include "scenes.h"
#include <X11/Xutil.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

const unsigned palette[COLOURS] = {0xE02020, 0x20E020, 0x2020E0, 0xE0E020, 0xE020E0, 0x20E0E0, 0xF0F0F0, 0x101010};
Display *S;
Window win;
GC gc;
int scr;
int topx = 160, topy = 66, botx = 160 + 1600 - 256, boty = 1000;

enum { EDITOR_X = 360, EDITOR_Y = 140, EDITOR_W = 1200, EDITOR_H = 800, ED_COLUMNS = 110, ED_LINE0 = 24 };
enum { PAGE_X = 160, PAGE_Y = 90, PAGE_W = 1600, PAGE_H = 900, PAGE_ROWS = 9000 };
enum { FILM_X = 533, FILM_Y = 300, FILM_W = 854, FILM_H = 480 };
enum { GLYPH_W = 10, GLYPH_H = 20, GLYPHS = 95 };
enum { TERM_ROWS = 40, TERM_COLUMNS = 120, TERM_STEP = 3, DARK = 0x1E1E1E };
enum { CODE_W = 1000, CODE_ROWS = 8000, MAP_W = 100, CODE_STEP = 20 };
enum { FACE_X = 520, FACE_Y = 280, FACE_W = 427, FACE_H = 240, FACE_PITCH_X = 440, FACE_PITCH_Y = 256, FACES = 4 };
enum { SHEET_W = 100, SHEET_H = 22, SHEET_COLUMNS = 16, SHEET_ROWS = 40, DIGIT_W = 10, DIGIT_H = 18, CHANGES = 40 };

static const char *directory, *scene;
static unsigned state;
static int glyph_of[MAXF];
static Pixmap page, glyphs, editor, photo, listing, minimap, digits, *film;
static Window child;
static int films;

void die(const char *text) {
  fprintf(stderr, "glass: %s\n", text);
  exit(2);
}
double rnd(void) {
  state = state * 1664525u + 1013904223u;
  return (state >> 8) / 16777216.0;
}
static unsigned mix(unsigned x) {
  x ^= x >> 16;
  x *= 0x7feb352dU;
  x ^= x >> 15;
  x *= 0x846ca68bU;
  return x ^ x >> 16;
}
void caret_cell(int id, int *x, int *y) {
  *x = EDITOR_X + 4 + GLYPH_W * (id % ED_COLUMNS);
  *y = EDITOR_Y + 4 + GLYPH_H * (ED_LINE0 + (id / ED_COLUMNS) % 12);
}
/* 16 cells of 16x16 px; 12 bit id, 4 bit check */
unsigned code(int id) {
  unsigned check = (id ^ (id >> 4) ^ (id >> 8) ^ 0x5) & 15;
  return ((unsigned)(id & 4095) << 4) | check;
}
static int is(const char *name) { return !strcmp(scene, name); }
int has_bars(const char *workload) {
  return strcmp(workload, "block") && strcmp(workload, "typing") && strcmp(workload, "idle");
}

static char *asset(const char *name, size_t *length) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  int file = open(path, O_RDONLY);
  if (file < 0)
    die(path);
  struct stat found;
  fstat(file, &found);
  char *data = mmap(0, found.st_size, PROT_READ, MAP_PRIVATE, file, 0);
  if (length)
    *length = found.st_size;
  return data;
}
static Pixmap upload(char *data, int w, int h) {
  Pixmap made = XCreatePixmap(S, win, w, h, DefaultDepth(S, scr));
  XImage *image = XCreateImage(S, DefaultVisual(S, scr), 24, ZPixmap, 0, data, w, h, 32, w * 4);
  for (int y = 0; y < h; y += 256) {
    int n = h - y < 256 ? h - y : 256;
    XPutImage(S, made, gc, image, 0, y, 0, y, w, n);
  }
  XSync(S, 0);
  image->data = NULL;
  XDestroyImage(image);
  return made;
}
static void copy(Pixmap from, int fx, int fy, int w, int h, int x, int y) {
  XCopyArea(S, from, win, gc, fx, fy, w, h, x, y);
}
static void fill(unsigned colour, int x, int y, int w, int h) {
  XSetForeground(S, gc, colour);
  XFillRectangle(S, win, gc, x, y, w, h);
}
static void bar(int id, int x, int y) {
  unsigned value = code(id);
  for (int i = 0; i < 16; i++)
    fill((value >> (15 - i)) & 1 ? 0xffffff : 0, x + i * 16, y, 16, 16);
}
static void load_film(void) {
  size_t length;
  char *data = asset("video.raw", &length);
  films = length / (FILM_W * FILM_H * 4);
  film = malloc(films * sizeof *film);
  for (int i = 0; i < films; i++)
    film[i] = upload(data + (size_t)i * FILM_W * FILM_H * 4, FILM_W, FILM_H);
}

/* ---------- a terminal that floods: three lines a frame ---------- */
static void terminal_line(int number, int row) {
  int y = EDITOR_Y + row * GLYPH_H, length = 20 + mix(number) % 95;
  fill(DARK, EDITOR_X, y, EDITOR_W, GLYPH_H);
  for (int i = 0; i < length; i++) {
    unsigned letter = mix(number * 131u + i);
    if (letter % 6)
      copy(glyphs, GLYPH_W * (int)(1 + (letter >> 8) % (GLYPHS - 1)), 0, GLYPH_W, GLYPH_H, EDITOR_X + GLYPH_W * i, y);
  }
}
static void terminal(int id, int whole) {
  int kept = TERM_ROWS - TERM_STEP;
  if (!whole)
    XCopyArea(S, win, win, gc, EDITOR_X, EDITOR_Y + TERM_STEP * GLYPH_H, EDITOR_W, kept * GLYPH_H, EDITOR_X, EDITOR_Y);
  for (int row = whole ? 0 : kept; row < TERM_ROWS; row++)
    terminal_line(TERM_STEP * (id + 1) + row, row);
}

/* ---------- a browser: a page that stands, and on it a carousel, a moving picture, a spinner, a bar ---------- */
static void browser(int id) {
  int slide = (id * 6) % 400;
  copy(photo, slide > 200 ? 400 - slide : slide, 40, 440, 300, PAGE_X + 1060, PAGE_Y + 110);
  copy(film[id % films], 300, 180, 160, 120, PAGE_X + 1060, PAGE_Y + 470);
  fill(0xffffff, PAGE_X + 1300, PAGE_Y + 480, 72, 72);
  XSetForeground(S, gc, 0x2060d0);
  XFillArc(S, win, gc, PAGE_X + 1304, PAGE_Y + 484, 64, 64, (id * 12 % 360) * 64, 100 * 64);
  fill(0xd8dde6, PAGE_X + 1060, PAGE_Y + 640, 440, 12);
  fill(0x28a060, PAGE_X + 1060, PAGE_Y + 640, 4 + id * 3 % 436, 12);
}

/* ---------- a conference: four moving pictures, each at half the rate ---------- */
static void face(int number, int id) {
  int x = FACE_X + number % 2 * FACE_PITCH_X, y = FACE_Y + number / 2 * FACE_PITCH_Y;
  copy(film[(id / 2 + 30 * number) % films], 60 + 100 * number, 120, FACE_W, FACE_H, x, y);
}
static void conference(int id, int whole) {
  for (int number = 0; number < FACES; number++) {
    int late = (id + number / 2 + number) % 2;
    if (!late)
      face(number, id);
    else if (whole)
      face(number, id - 1);
  }
}

/* ---------- an editor with a map of the whole file beside it ---------- */
static void ide(int id) {
  int span = CODE_ROWS - EDITOR_H, y = (id * CODE_STEP) % (2 * span);
  if (y > span)
    y = 2 * span - y;
  copy(listing, 0, y, CODE_W, EDITOR_H, EDITOR_X, EDITOR_Y);
  copy(minimap, 0, 0, MAP_W, EDITOR_H, EDITOR_X + CODE_W, EDITOR_Y);
  XSetForeground(S, gc, 0x6090d0);
  XDrawRectangle(S, win, gc, EDITOR_X + CODE_W, EDITOR_Y + y * EDITOR_H / CODE_ROWS, MAP_W - 1, EDITOR_H * EDITOR_H / CODE_ROWS);
}

/* ---------- a spreadsheet that is calculated anew: numbers here and there, and a selection that moves ---------- */
static void sheet_cell(int cell, unsigned value) {
  int x = PAGE_X + cell % SHEET_COLUMNS * SHEET_W, y = PAGE_Y + cell / SHEET_COLUMNS * SHEET_H;
  fill(0xffffff, x + 1, y + 1, SHEET_W - 2, SHEET_H - 2);
  for (int i = 0; i < 7; i++, value /= 10)
    copy(digits, DIGIT_W * (int)(value % 10), 0, DIGIT_W, DIGIT_H, x + SHEET_W - 14 - DIGIT_W * i, y + 2);
}
static void sheet_selection(int id, unsigned colour) {
  int cell = id * 3 % (SHEET_COLUMNS * SHEET_ROWS);
  XSetForeground(S, gc, colour);
  XDrawRectangle(S, win, gc, PAGE_X + cell % SHEET_COLUMNS * SHEET_W, PAGE_Y + cell / SHEET_COLUMNS * SHEET_H, SHEET_W - 1,
                 SHEET_H - 1);
}
static void sheet_changes(int id) {
  for (int i = 0; i < CHANGES; i++) {
    unsigned value = mix(id * 977u + i);
    sheet_cell(value % (SHEET_COLUMNS * SHEET_ROWS), value >> 4);
  }
}
static void sheet_clean(void) {
  fill(0xffffff, PAGE_X, PAGE_Y, PAGE_W, PAGE_H);
  for (int cell = 0; cell < SHEET_COLUMNS * SHEET_ROWS; cell++) {
    XSetForeground(S, gc, 0xc8c8d0);
    XDrawRectangle(S, win, gc, PAGE_X + cell % SHEET_COLUMNS * SHEET_W, PAGE_Y + cell / SHEET_COLUMNS * SHEET_H, SHEET_W - 1,
                   SHEET_H - 1);
    sheet_cell(cell, mix(cell));
  }
}
static void sheet(int id, int whole) {
  if (whole) {
    sheet_clean();
    for (int k = 0; k < id; k++)
      sheet_changes(k);
  } else if (id)
    sheet_selection(id - 1, 0xc8c8d0);
  sheet_changes(id);
  sheet_selection(id, 0x108040);
}

/* ---------- all of them ---------- */
void scene_open(const char *display, const char *assets, unsigned seed) {
  directory = assets;
  state = seed;
  S = XOpenDisplay(display);
  if (!S)
    die("open the source display");
  scr = DefaultScreen(S);
  gc = XCreateGC(S, DefaultRootWindow(S), 0, 0);
  XSetGraphicsExposures(S, gc, False);
  XSetWindowAttributes wish;
  wish.override_redirect = True;
  wish.background_pixel = 0x204060;
  wish.event_mask = 0;
  win = XCreateWindow(S, DefaultRootWindow(S), 0, 0, SW, SH, 0, 24, InputOutput, CopyFromParent,
                      CWOverrideRedirect | CWBackPixel, &wish);
  XWarpPointer(S, None, DefaultRootWindow(S), 0, 0, 0, 0, SW - 1, SH - 1);
}
static void bars_around(int x, int y, int w, int h) {
  topx = x;
  topy = y - 24;
  botx = x + w - 256;
  boty = y + h + 10;
}
double scene_prepare(const char *workload) {
  scene = workload;
  XSetWindowBackgroundPixmap(S, win, upload(asset("wall.raw", 0), SW, SH));
  XMapRaised(S, win);
  XClearWindow(S, win);
  glyphs = upload(asset("glyphs.raw", 0), GLYPH_W * GLYPHS, GLYPH_H);
  double period = 1 / 30.0;
  if (is("typing")) {
    editor = upload(asset("editor.raw", 0), EDITOR_W, EDITOR_H);
    copy(editor, 0, 0, EDITOR_W, EDITOR_H, EDITOR_X, EDITOR_Y);
    period = 0.08;
  } else if (is("scroll") || is("browser")) {
    page = upload(asset("page.raw", 0), PAGE_W, PAGE_ROWS);
    copy(page, 0, 0, PAGE_W, PAGE_H, PAGE_X, PAGE_Y);
    if (is("browser")) {
      photo = upload(asset("photo.raw", 0), 640, 451);
      load_film();
    }
  } else if (is("drag")) {
    XSetWindowAttributes wish;
    wish.override_redirect = True;
    wish.event_mask = 0;
    child = XCreateWindow(S, win, 200, 120, 640, 451, 0, 24, InputOutput, CopyFromParent, CWOverrideRedirect, &wish);
    XSetWindowBackgroundPixmap(S, child, upload(asset("photo.raw", 0), 640, 451));
    XMapWindow(S, child);
  } else if (is("video")) {
    load_film();
    topx = FILM_X;
    topy = FILM_Y - 16;
    botx = FILM_X + FILM_W - 256;
    boty = FILM_Y + FILM_H;
    copy(film[0], 0, 0, FILM_W, FILM_H, FILM_X, FILM_Y);
  } else if (is("block"))
    fill(palette[COLOURS - 1], BLOCK_X, BLOCK_Y, BLOCK_SIDE, BLOCK_SIDE);
  else if (is("terminal")) {
    bars_around(EDITOR_X, EDITOR_Y, EDITOR_W, EDITOR_H);
    terminal(-1, 1);
  } else if (is("conference")) {
    load_film();
    bars_around(FACE_X, FACE_Y, FACE_PITCH_X + FACE_W, FACE_PITCH_Y + FACE_H);
    conference(0, 1);
  } else if (is("ide")) {
    bars_around(EDITOR_X, EDITOR_Y, CODE_W + MAP_W, EDITOR_H);
    listing = upload(asset("code.raw", 0), CODE_W, CODE_ROWS);
    minimap = upload(asset("minimap.raw", 0), MAP_W, EDITOR_H);
    ide(0);
  } else if (is("sheet")) {
    digits = upload(asset("digits.raw", 0), DIGIT_W * 10, DIGIT_H);
    sheet_clean();
    period = 0.1;
  } else if (!is("idle"))
    die(workload);
  XSync(S, 0);
  return period;
}
static void letter(int id) {
  int x, y;
  caret_cell(id, &x, &y);
  copy(glyphs, glyph_of[id], 0, GLYPH_W, GLYPH_H, x, y);
  caret_cell(id + 1, &x, &y);
  fill(CARET, x, y, GLYPH_W, GLYPH_H);
}
static void frame(int id, int whole) {
  if (is("block"))
    fill(palette[id % COLOURS], BLOCK_X, BLOCK_Y, BLOCK_SIDE, BLOCK_SIDE);
  else if (is("typing")) {
    if (whole)
      copy(editor, 0, 0, EDITOR_W, EDITOR_H, EDITOR_X, EDITOR_Y);
    for (int k = whole ? 0 : id; k <= id; k++)
      letter(k);
  } else if (has_bars(scene)) {
    bar(id, topx, topy);
    if (is("scroll")) {
      int span = PAGE_ROWS - PAGE_H, y = (id * 40) % (2 * span);
      copy(page, 0, y > span ? 2 * span - y : y, PAGE_W, PAGE_H, PAGE_X, PAGE_Y);
    } else if (is("drag"))
      XMoveWindow(S, child, 640 + (int)(450 * sin(id * 0.06)), 300 + (int)(205 * sin(2 * id * 0.06)));
    else if (is("video"))
      copy(film[id % films], 0, 0, FILM_W, FILM_H, FILM_X, FILM_Y);
    else if (is("terminal"))
      terminal(id, whole);
    else if (is("browser"))
      browser(id);
    else if (is("conference"))
      conference(id, whole);
    else if (is("ide"))
      ide(id);
    else
      sheet(id, whole);
    bar(id, botx, boty);
  }
}
void scene_draw(int id) {
  if (is("typing"))
    glyph_of[id] = GLYPH_W * (int)(1 + rnd() * (GLYPHS - 1));
  frame(id, 0);
}
void scene_redraw(int id) {
  frame(id, 1);
  XSync(S, 0);
}
