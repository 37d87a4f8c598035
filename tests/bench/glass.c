/* glass.c - glass-to-glass probe for remote-desktop systems.
 *
 * Has scenes.c draw one deterministic workload on the SOURCE X display and, in a second
 * thread of the same process (one clock: CLOCK_MONOTONIC), samples a few pixels
 * of the VIEWER X display with MIT-SHM until each drawn frame shows up there.
 * It knows nothing about the system in between.
 *
 * build: gcc -O2 -o glass glass.c scenes.c -lX11 -lXext -lpthread -lm
 * usage: glass --src :60 --dst :61 --off 0,0 --assets DIR --workload W --secs 12
 *              --seed 1 --settle 2.5 --out res.json [--dump PREFIX] [--motion N --region X,Y,W,H]
 *   W: block | typing | scroll | drag | video | idle | terminal | browser | conference | ide | sheet | calibrate
 * --off X,Y : where source pixel (0,0) appears on the viewer display.
 * --motion N: a third thread takes N pictures of the viewer at random moments in motion, each of which says which frame it
 *             shows; when all is over, these frames are drawn on the source again and compared over the region.
 * protocol  : prints READY, waits for a line on stdin, runs, prints DONE (after a
 *             0.5 s drain; read your counters here), waits <settle> s, dumps both
 *             framebuffers as raw BGRX, prints FIN.
 * calibrate : fills the source with magenta, prints "BBOX x y w h n" of the
 *             magenta area on the viewer (once a second until it is src-sized, 15 s).
 */
#define _GNU_SOURCE
#include "scenes.h"
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <X11/extensions/XShm.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}
static void sleep_until(double t) {
  struct timespec s;
  s.tv_sec = (time_t)t;
  s.tv_nsec = (long)((t - s.tv_sec) * 1e9);
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &s, NULL);
}

/* ---------- shared state between the drawing and the sampling thread ---------- */
static volatile int cur_id = -1, stop_flag = 0; /* last frame drawn */
static double t_draw[MAXF], t_seen[MAXF];       /* seen: first time >= complete */
static unsigned char direct[MAXF];              /* this very frame was observed */
static int torn_samples = 0, samples = 0;
static double max_gap = 0;
static const char *wl;
static int offx = 0, offy = 0;

/* ---------- SHM grabs ---------- */
typedef struct {
  Display *d;
  XShmSegmentInfo si;
  XImage *im;
} Grab;
static void grab_init(Grab *g, Display *d, int w, int h) {
  g->d = d;
  int s = DefaultScreen(d);
  g->im = XShmCreateImage(d, DefaultVisual(d, s), DefaultDepth(d, s), ZPixmap, NULL, &g->si, w, h);
  if (!g->im)
    die("XShmCreateImage");
  g->si.shmid = shmget(IPC_PRIVATE, (size_t)g->im->bytes_per_line * h, IPC_CREAT | 0600);
  g->si.shmaddr = g->im->data = shmat(g->si.shmid, 0, 0);
  g->si.readOnly = False;
  XShmAttach(d, &g->si);
  XSync(d, 0);
  shmctl(g->si.shmid, IPC_RMID, 0);
}
static int grab(Grab *g, int x, int y) {
  return XShmGetImage(g->d, DefaultRootWindow(g->d), g->im, x, y, AllPlanes);
}
static unsigned px(Grab *g, int x, int y) {
  return *(unsigned *)(g->im->data + (size_t)y * g->im->bytes_per_line + 4 * x) & 0xffffff;
}
static int cdist(unsigned a, unsigned b) {
  int m = 0;
  for (int i = 0; i < 24; i += 8) {
    int d = abs((int)((a >> i) & 255) - (int)((b >> i) & 255));
    if (d > m)
      m = d;
  }
  return m;
}

/* ---------- barcode: 16 cells of 16x16 px; 12 bit id, 4 bit check ---------- */
static int bar_at(Grab *g, int x, int y) {
  unsigned v = 0;
  for (int i = 0; i < 16; i++) {
    int s = 0;
    for (int dy = 6; dy < 10; dy += 3)
      for (int dx = 6; dx < 10; dx += 3) {
        unsigned p = px(g, x + i * 16 + dx, y + dy);
        s += (p >> 8) & 255;
      }
    v = (v << 1) | (s > 4 * 128);
  }
  int id = v >> 4;
  return code(id) == v ? id : -1;
}

static int bar_read(Grab *g) { return bar_at(g, 0, 0); }

static Grab gb, gs;
static Display *DD;
static void seen(int id, double t, int *last) {
  if (id <= *last || id > cur_id)
    return;
  for (int k = *last + 1; k <= id; k++)
    t_seen[k] = t;
  direct[id] = 1;
  *last = id;
}
static int sample_once(int *last) {
  if (!strcmp(wl, "block")) {
    grab(&gs, offx + BLOCK_X + 30, offy + BLOCK_Y + 30);
    double t = now();
    unsigned p = px(&gs, 1, 1);
    int best = -1;
    for (int i = 0; i < 8; i++)
      if (cdist(p, palette[i]) < 48)
        best = i;
    if (best >= 0)
      for (int k = cur_id; k > *last && k > cur_id - 7; k--)
        if (k % 8 == best) {
          seen(k, t, last);
          break;
        }
  } else if (!strcmp(wl, "typing")) {
    for (int k = cur_id; k > *last && k > cur_id - 60 && k >= 0; k--) {
      int x, y;
      caret_cell(k + 1, &x, &y);
      grab(&gs, offx + x + 3, offy + y + 8);
      double t = now();
      if (cdist(px(&gs, 1, 1), CARET) < 64) {
        seen(k, t, last);
        break;
      }
    }
  } else {
    static int a = -1;
    grab(&gb, offx + topx, offy + topy);
    int v = bar_read(&gb);
    if (v >= 0)
      a = v;
    if (a > *last) {
      grab(&gb, offx + botx, offy + boty);
      double t = now();
      int b = bar_read(&gb);
      if (b >= 0) {
        if (b != a)
          torn_samples++;
        seen(a < b ? a : b, t, last);
      }
    }
  }
  return 0;
}
static void *sampler(void *x) {
  (void)x;
  int last = -1;
  double p = now();
  while (!stop_flag) {
    sample_once(&last);
    samples++;
    double t = now();
    if (t - p > max_gap)
      max_gap = t - p;
    p = t;
    usleep(700);
  }
  return NULL;
}

/* ---------- pictures of the viewer in motion ---------- */
typedef struct {
  int id;
  double at;
  char *pixels;
} Shot;
static Shot shots[256];
static int wanted, taken;
static int rx, ry, rw = SW, rh = SH; /* what is compared, in source coordinates */
static double motion_begin, motion_secs;
static const char *viewer_name;
static unsigned shot_seed = 7;
/* Which frame a whole picture of the viewer shows; -1: torn, or none that is known. */
static int identify(Grab *g) {
  if (has_bars(wl)) {
    int a = bar_at(g, topx, topy), b = bar_at(g, botx, boty);
    return a == b ? a : -1;
  }
  int newest = cur_id;
  for (int k = newest; k >= 0 && k > newest - 60; k--) {
    int x = BLOCK_X + 31, y = BLOCK_Y + 31;
    unsigned colour = palette[k % COLOURS];
    if (!strcmp(wl, "typing")) {
      caret_cell(k + 1, &x, &y);
      x += 4, y += 9;
      colour = CARET;
    }
    if (cdist(px(g, x, y), colour) < 48)
      return k;
  }
  return -1;
}
static void *shooter(void *x) {
  (void)x;
  Display *d = XOpenDisplay(viewer_name);
  Grab g;
  grab_init(&g, d, SW, SH);
  size_t size = (size_t)g.im->bytes_per_line * SH;
  for (int k = 0; k < wanted; k++) {
    shot_seed = shot_seed * 1664525u + 1013904223u;
    sleep_until(motion_begin + 0.2 + (motion_secs - 0.3) * (k + (shot_seed >> 8) / 16777216.0) / wanted);
    grab(&g, offx, offy);
    Shot *shot = &shots[taken++];
    shot->at = now() - motion_begin;
    shot->pixels = malloc(size);
    memcpy(shot->pixels, g.im->data, size);
    shot->id = identify(&g);
  }
  return NULL;
}
/* Squared error and differing pixels of a picture against what the source shows. */
static double error_of(const Shot *shot, Grab *source, long *different) {
  double sum = 0;
  *different = 0;
  for (int y = ry; y < ry + rh; y++)
    for (int x = rx; x < rx + rw; x++) {
      unsigned one = px(source, x, y);
      unsigned other = *(unsigned *)(shot->pixels + (size_t)y * source->im->bytes_per_line + 4 * x) & 0xffffff;
      if (one == other)
        continue;
      ++*different;
      for (int i = 0; i < 24; i += 8) {
        int d = (int)((one >> i) & 255) - (int)((other >> i) & 255);
        sum += d * d;
      }
    }
  return sum / (3.0 * rw * rh);
}
static void report_motion(FILE *f) {
  Grab g;
  grab_init(&g, S, SW, SH);
  fprintf(f, ",\"motion\":[");
  for (int k = 0; k < taken; k++) {
    long different = -1;
    double psnr = 0;
    if (shots[k].id >= 0) {
      scene_redraw(shots[k].id);
      grab(&g, 0, 0);
      double mse = error_of(&shots[k], &g, &different);
      psnr = mse > 0 ? 10 * log10(255.0 * 255.0 / mse) : 99;
    }
    fprintf(f, "%s{\"at\":%.3f,\"id\":%d,\"different\":%ld,\"psnr\":%.2f}", k ? "," : "", shots[k].at, shots[k].id, different,
            psnr);
  }
  fprintf(f, "]");
}

/* ---------- the run ---------- */
static void flush_id(int id) {
  cur_id = id;
  t_seen[id] = 0;
  XFlush(S);
  t_draw[id] = now();
  XSync(S, 0);
}
static void dump(Display *d, int x, int y, const char *pre, const char *suf) {
  char b[512];
  snprintf(b, sizeof b, "%s.%s", pre, suf);
  Grab g;
  grab_init(&g, d, SW, SH);
  grab(&g, x, y);
  FILE *f = fopen(b, "wb");
  fwrite(g.im->data, 4, (size_t)SW * SH, f);
  fclose(f);
}

int main(int c, char **v) {
  const char *src = ":60", *dst = ":61", *out = "/dev/stdout", *dmp = NULL;
  const char *assets = ".";
  double secs = 12, settle = 2.5;
  unsigned seed = 1;
  wl = "block";
  for (int i = 1; i + 1 < c; i += 2) {
    if (!strcmp(v[i], "--src"))
      src = v[i + 1];
    else if (!strcmp(v[i], "--dst"))
      dst = v[i + 1];
    else if (!strcmp(v[i], "--off"))
      sscanf(v[i + 1], "%d,%d", &offx, &offy);
    else if (!strcmp(v[i], "--assets"))
      assets = v[i + 1];
    else if (!strcmp(v[i], "--workload"))
      wl = v[i + 1];
    else if (!strcmp(v[i], "--secs"))
      secs = atof(v[i + 1]);
    else if (!strcmp(v[i], "--settle"))
      settle = atof(v[i + 1]);
    else if (!strcmp(v[i], "--seed"))
      seed = atoi(v[i + 1]);
    else if (!strcmp(v[i], "--out"))
      out = v[i + 1];
    else if (!strcmp(v[i], "--dump"))
      dmp = v[i + 1];
    else if (!strcmp(v[i], "--motion"))
      wanted = atoi(v[i + 1]);
    else if (!strcmp(v[i], "--region"))
      sscanf(v[i + 1], "%d,%d,%d,%d", &rx, &ry, &rw, &rh);
    else
      die(v[i]);
  }
  if (wanted > 256 || rx < 0 || ry < 0 || rx + rw > SW || ry + rh > SH)
    die("--motion or --region is out of range");
  setvbuf(stdout, 0, _IOLBF, 0);
  scene_open(src, assets, seed);
  viewer_name = dst;
  DD = XOpenDisplay(dst);
  if (!DD)
    die("open the viewer's display");
  if (!strcmp(wl, "calibrate")) {
    XSetWindowBackground(S, win, 0xFF00FF);
    XMapRaised(S, win);
    XClearWindow(S, win);
    XSync(S, 0);
    int dw = DisplayWidth(DD, DefaultScreen(DD)), dh = DisplayHeight(DD, DefaultScreen(DD));
    Grab g;
    grab_init(&g, DD, dw, dh);
    for (int it = 0; it < 15; it++) {
      sleep(1);
      grab(&g, 0, 0);
      int x0 = 1e6, y0 = 1e6, x1 = -1, y1 = -1;
      long n = 0;
      for (int y = 0; y < dh; y++)
        for (int x = 0; x < dw; x++)
          if (cdist(px(&g, x, y), 0xFF00FF) < 40) {
            n++;
            if (x < x0)
              x0 = x;
            if (x > x1)
              x1 = x;
            if (y < y0)
              y0 = y;
            if (y > y1)
              y1 = y;
          }
      printf("BBOX %d %d %d %d %ld\n", n ? x0 : -1, n ? y0 : -1, n ? x1 - x0 + 1 : 0, n ? y1 - y0 + 1 : 0, n);
      if (abs(x1 - x0 + 1 - SW) < 6 && abs(y1 - y0 + 1 - SH) < 6 && n > SW * SH * 0.98) {
        if (it)
          return 0;
      }
    }
    return 1;
  }
  double period = scene_prepare(wl);
  grab_init(&gs, DD, 4, 4);
  grab_init(&gb, DD, 256, 16);
  puts("READY");
  char line[64];
  if (!fgets(line, sizeof line, stdin))
    return 3;
  pthread_t th;
  pthread_create(&th, 0, sampler, 0);
  double t0 = now(), t = t0;
  pthread_t pictures;
  motion_begin = t0;
  motion_secs = secs;
  if (wanted)
    pthread_create(&pictures, 0, shooter, 0);
  int id = 0;
  while (id < 4090) {
    if (!strcmp(wl, "block"))
      t += 0.1 + 0.15 * rnd();
    else
      t = t0 + (id + 1) * period + rnd() / 60; /* or every frame would meet the viewer's display at the same phase of its clock */
    if (t - t0 > secs)
      break;
    sleep_until(t);
    if (!strcmp(wl, "idle")) {
      id++;
      continue;
    }
    scene_draw(id);
    flush_id(id);
    id++;
  }
  double t1 = now();
  int n = strcmp(wl, "idle") ? id : 0;
  if (dmp) {
    Display *D2 = XOpenDisplay(dst);
    sleep_until(t1 + 0.15);
    dump(D2, offx, offy, dmp, "early");
    XCloseDisplay(D2);
  } /* before clean-up passes */
  sleep_until(t1 + 0.5);
  puts("DONE");
  sleep_until(t1 + settle);
  stop_flag = 1;
  pthread_join(th, 0);
  if (wanted)
    pthread_join(pictures, 0);
  if (dmp) {
    dump(S, 0, 0, dmp, "src");
    dump(DD, offx, offy, dmp, "dst");
  }
  FILE *f = fopen(out, "w");
  fprintf(f,
          "{\"workload\":\"%s\",\"secs\":%.3f,\"drawn\":%d,\"samples\":%d,\"max_gap_ms\":%.2f,\"torn_samples\":%d,"
          "\"lat\":[",
          wl, t1 - t0, n, samples, max_gap * 1e3, torn_samples);
  for (int i = 0; i < n; i++)
    fprintf(f, "%s%.3f", i ? "," : "", t_seen[i] > 0 ? (t_seen[i] - t_draw[i]) * 1e3 : -1);
  fprintf(f, "],\"direct\":[");
  for (int i = 0; i < n; i++)
    fprintf(f, "%s%d", i ? "," : "", direct[i]);
  fprintf(f, "],\"seen_at\":[");
  for (int i = 0; i < n; i++)
    fprintf(f, "%s%.4f", i ? "," : "", t_seen[i] > 0 ? t_seen[i] - t0 : -1);
  fprintf(f, "]");
  if (wanted)
    report_motion(f);
  fprintf(f, "}\n");
  fclose(f);
  puts("FIN");
  /* keep the picture until told to leave, so that a later reader can look at it */
  return 0;
}
