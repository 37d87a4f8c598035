/* glass.c - glass-to-glass probe for remote-desktop systems.
 *
 * Draws one deterministic workload on the SOURCE X display and, in a second
 * thread of the same process (one clock: CLOCK_MONOTONIC), samples a few pixels
 * of the VIEWER X display with MIT-SHM until each drawn frame shows up there.
 * It knows nothing about the system in between.
 *
 * build: gcc -O2 -o glass glass.c -lX11 -lXext -lpthread -lm
 * usage: glass --src :60 --dst :61 --off 0,0 --assets DIR --workload W --secs 12
 *              --seed 1 --settle 2.5 --out res.json [--dump PREFIX]
 *   W: block | typing | scroll | drag | video | idle | calibrate
 * --off X,Y : where source pixel (0,0) appears on the viewer display.
 * protocol  : prints READY, waits for a line on stdin, runs, prints DONE (after a
 *             0.5 s drain; read your counters here), waits <settle> s, dumps both
 *             framebuffers as raw BGRX, prints FIN.
 * calibrate : fills the source with magenta, prints "BBOX x y w h n" of the
 *             magenta area on the viewer (once a second until it is src-sized, 15 s).
 */
#define _GNU_SOURCE
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

#define SW 1920
#define SH 1080
#define MAXF 8192
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
static void die(const char *m) {
  fprintf(stderr, "glass: %s\n", m);
  exit(2);
}

/* ---------- shared state between the drawing and the sampling thread ---------- */
static volatile int cur_id = -1, stop_flag = 0; /* last frame drawn */
static double t_draw[MAXF], t_seen[MAXF];       /* seen: first time >= complete */
static unsigned char direct[MAXF];              /* this very frame was observed */
static int torn_samples = 0, samples = 0;
static double max_gap = 0;
static const char *wl;
static int offx = 0, offy = 0;
static int topx, topy, botx, boty; /* barcode positions (source coordinates) */
static int ed_x = 360, ed_y = 140; /* editor window */
static const unsigned pal[8] = {0xE02020, 0x20E020, 0x2020E0, 0xE0E020, 0xE020E0, 0x20E0E0, 0xF0F0F0, 0x101010};
#define CURSOR_COL 0xFF8C00
#define EDCOLS 110
#define ED_LINE0 24
static int BX = 928, BY = 508; /* 64x64 block */

static void cell(int id, int *x, int *y) {
  *x = ed_x + 4 + 10 * (id % EDCOLS);
  *y = ed_y + 4 + 20 * (ED_LINE0 + (id / EDCOLS) % 12);
}

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
static unsigned code(int id) {
  unsigned c = (id ^ (id >> 4) ^ (id >> 8) ^ 0x5) & 15;
  return ((unsigned)(id & 4095) << 4) | c;
}
static int bar_read(Grab *g) {
  unsigned v = 0;
  for (int i = 0; i < 16; i++) {
    int s = 0;
    for (int dy = 6; dy < 10; dy += 3)
      for (int dx = 6; dx < 10; dx += 3) {
        unsigned p = px(g, i * 16 + dx, dy);
        s += (p >> 8) & 255;
      }
    v = (v << 1) | (s > 4 * 128);
  }
  int id = v >> 4;
  return code(id) == v ? id : -1;
}

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
    grab(&gs, offx + BX + 30, offy + BY + 30);
    double t = now();
    unsigned p = px(&gs, 1, 1);
    int best = -1;
    for (int i = 0; i < 8; i++)
      if (cdist(p, pal[i]) < 48)
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
      cell(k + 1, &x, &y);
      grab(&gs, offx + x + 3, offy + y + 8);
      double t = now();
      if (cdist(px(&gs, 1, 1), CURSOR_COL) < 64) {
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

/* ---------- drawing ---------- */
static Display *S;
static Window win;
static GC gc;
static int scr;
static const char *adir;
static char *asset(const char *n, size_t *len) {
  char b[512];
  snprintf(b, sizeof b, "%s/%s", adir, n);
  int f = open(b, O_RDONLY);
  if (f < 0)
    die(b);
  struct stat st;
  fstat(f, &st);
  char *p = mmap(0, st.st_size, PROT_READ, MAP_PRIVATE, f, 0);
  if (len)
    *len = st.st_size;
  return p;
}
static Pixmap upload(char *d, int w, int h) {
  Pixmap p = XCreatePixmap(S, win ? win : DefaultRootWindow(S), w, h, DefaultDepth(S, scr));
  XImage *im = XCreateImage(S, DefaultVisual(S, scr), 24, ZPixmap, 0, d, w, h, 32, w * 4);
  for (int y = 0; y < h; y += 256) {
    int n = h - y < 256 ? h - y : 256;
    XPutImage(S, p, gc, im, 0, y, 0, y, w, n);
  }
  XSync(S, 0);
  im->data = NULL;
  XDestroyImage(im);
  return p;
}
static void bar_draw(int id, int x, int y) {
  unsigned v = code(id);
  for (int i = 0; i < 16; i++) {
    XSetForeground(S, gc, (v >> (15 - i)) & 1 ? 0xffffff : 0);
    XFillRectangle(S, win, gc, x + i * 16, y, 16, 16);
  }
}
static void flush_id(int id) {
  cur_id = id;
  t_seen[id] = 0;
  XFlush(S);
  t_draw[id] = now();
  XSync(S, 0);
}
static unsigned rs;
static double rnd(void) {
  rs = rs * 1664525u + 1013904223u;
  return (rs >> 8) / 16777216.0;
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
  double secs = 12, settle = 2.5;
  rs = 1;
  wl = "block";
  for (int i = 1; i + 1 < c; i += 2) {
    if (!strcmp(v[i], "--src"))
      src = v[i + 1];
    else if (!strcmp(v[i], "--dst"))
      dst = v[i + 1];
    else if (!strcmp(v[i], "--off"))
      sscanf(v[i + 1], "%d,%d", &offx, &offy);
    else if (!strcmp(v[i], "--assets"))
      adir = v[i + 1];
    else if (!strcmp(v[i], "--workload"))
      wl = v[i + 1];
    else if (!strcmp(v[i], "--secs"))
      secs = atof(v[i + 1]);
    else if (!strcmp(v[i], "--settle"))
      settle = atof(v[i + 1]);
    else if (!strcmp(v[i], "--seed"))
      rs = atoi(v[i + 1]);
    else if (!strcmp(v[i], "--out"))
      out = v[i + 1];
    else if (!strcmp(v[i], "--dump"))
      dmp = v[i + 1];
    else
      die(v[i]);
  }
  setvbuf(stdout, 0, _IOLBF, 0);
  S = XOpenDisplay(src);
  DD = XOpenDisplay(dst);
  if (!S || !DD)
    die("open display");
  scr = DefaultScreen(S);
  gc = XCreateGC(S, DefaultRootWindow(S), 0, 0);
  XSetWindowAttributes a;
  a.override_redirect = True;
  a.background_pixel = 0x204060;
  a.event_mask = 0;
  win = XCreateWindow(S, DefaultRootWindow(S), 0, 0, SW, SH, 0, 24, InputOutput, CopyFromParent,
                      CWOverrideRedirect | CWBackPixel, &a);
  XWarpPointer(S, None, DefaultRootWindow(S), 0, 0, 0, 0, SW - 1, SH - 1);
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
  size_t len;
  Pixmap wall = upload(asset("wall.raw", 0), SW, SH);
  XSetWindowBackgroundPixmap(S, win, wall);
  XMapRaised(S, win);
  XClearWindow(S, win);
  Pixmap page = 0, gly = 0, *vid = NULL;
  int nv = 0;
  Window child = 0;
  double period = 1 / 30.0;
  topx = 160;
  topy = 66;
  botx = 160 + 1600 - 256;
  boty = 1000;
  if (!strcmp(wl, "typing")) {
    gly = upload(asset("glyphs.raw", 0), 950, 20);
    Pixmap e = upload(asset("editor.raw", 0), 1200, 800);
    XCopyArea(S, e, win, gc, 0, 0, 1200, 800, ed_x, ed_y);
    period = 0.08;
  } else if (!strcmp(wl, "scroll")) {
    page = upload(asset("page.raw", 0), 1600, 9000);
    XCopyArea(S, page, win, gc, 0, 0, 1600, 900, 160, 90);
  } else if (!strcmp(wl, "drag")) {
    Pixmap p = upload(asset("photo.raw", 0), 640, 451);
    child = XCreateWindow(S, win, 200, 120, 640, 451, 0, 24, InputOutput, CopyFromParent, 0, &a);
    XSetWindowBackgroundPixmap(S, child, p);
    XMapWindow(S, child);
  } else if (!strcmp(wl, "video")) {
    char *d = asset("video.raw", &len);
    nv = len / (854 * 480 * 4);
    vid = malloc(nv * sizeof *vid);
    for (int i = 0; i < nv; i++)
      vid[i] = upload(d + (size_t)i * 854 * 480 * 4, 854, 480);
    topx = 533;
    topy = 284;
    botx = 533 + 854 - 256;
    boty = 780;
    XCopyArea(S, vid[0], win, gc, 0, 0, 854, 480, 533, 300);
  } else if (!strcmp(wl, "block")) {
    XSetForeground(S, gc, pal[7]);
    XFillRectangle(S, win, gc, BX, BY, 64, 64);
  }
  XSync(S, 0);
  grab_init(&gs, DD, 4, 4);
  grab_init(&gb, DD, 256, 16);
  puts("READY");
  char line[64];
  if (!fgets(line, sizeof line, stdin))
    return 3;
  pthread_t th;
  pthread_create(&th, 0, sampler, 0);
  double t0 = now(), t = t0;
  int id = 0;
  while (id < 4090) {
    if (!strcmp(wl, "block"))
      t += 0.1 + 0.15 * rnd();
    else
      t = t0 + (id + 1) * period + (strcmp(wl, "typing") ? 0 : 0.008 * rnd());
    if (t - t0 > secs)
      break;
    sleep_until(t);
    if (!strcmp(wl, "idle")) {
      id++;
      continue;
    }
    if (!strcmp(wl, "block")) {
      XSetForeground(S, gc, pal[id % 8]);
      XFillRectangle(S, win, gc, BX, BY, 64, 64);
    } else if (!strcmp(wl, "typing")) {
      int x, y;
      cell(id, &x, &y);
      XCopyArea(S, gly, win, gc, 10 * (int)(1 + rnd() * 94), 0, 10, 20, x, y);
      cell(id + 1, &x, &y);
      XSetForeground(S, gc, CURSOR_COL);
      XFillRectangle(S, win, gc, x, y, 10, 20);
    } else {
      bar_draw(id, topx, topy);
      if (page) {
        int span = 9000 - 900, y = (id * 40) % (2 * span);
        if (y > span)
          y = 2 * span - y;
        XCopyArea(S, page, win, gc, 0, y, 1600, 900, 160, 90);
      } else if (child) {
        double th = id * 0.06;
        XMoveWindow(S, child, 640 + (int)(450 * sin(th)), 300 + (int)(205 * sin(2 * th)));
      } else if (vid)
        XCopyArea(S, vid[id % nv], win, gc, 0, 0, 854, 480, 533, 300);
      bar_draw(id, botx, boty);
    }
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
  fprintf(f, "]}\n");
  fclose(f);
  puts("FIN");
  /* keep the picture until told to leave, so that a later reader can look at it */
  return 0;
}
