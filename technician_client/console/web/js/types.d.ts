// Shapes that several modules share, and what TypeScript's own library does not know of Chromium yet.

interface Navigator {
  readonly keyboard?: { lock(codes?: string[]): Promise<void>; unlock(): void; getLayoutMap?(): Promise<ReadonlyMap<string, string>> };
  readonly userAgentData?: { readonly platform: string };
}

type Cell = string | number | boolean | null;

/** protocol/link_messages.py DeviceRow; everything but the id is unverified. */
interface DeviceRow {
  id: string;
  label: string;
  platform: string;
  online: boolean;
  last_seen: number;
  waiting: boolean;
  waiting_text: string;
  waiting_since: number;
  waiting_tier: number;
  /** The id of the one technician who is meant, or "". */
  waiting_peer: string;
}

interface FoundRow {
  id: string;
  title: string;
  severity: "critical" | "warning" | "notice";
}

/** technician_client/console/runs.py DeviceRun.document */
interface RunDevice {
  device: string;
  label: string;
  state: "waiting" | "running" | "good" | "bad" | "left_alone" | "cancelled";
  step: string;
  outcome: string;
  text: string;
  seconds: number;
  output: string;
  before: FoundRow[];
  after: FoundRow[];
  remaining: string[];
  exit_code: number | null;
  changed: boolean;
}

/** technician_client/console/runs.py FixRunOnMany.row */
interface RunRow {
  id: string;
  fix: string;
  title: string;
  version: string;
  digest: string;
  parameters: Record<string, string | number | boolean>;
  reason: string;
  group: string | null;
  started: number;
  ended: number;
  error: string;
  cancelled: boolean;
  counts: Record<RunDevice["state"], number>;
  total: number;
}

/** technician_client/console/office_api.py */
interface ApprovalRow {
  version: number;
  threshold: number;
  signers: { key: string; holder: string }[];
  signed: number;
  expires: number;
}

interface LibraryRow extends FixEntry {
  consent: "ask" | "policy";
  os: string[];
  timeout: number;
  steps: Record<string, string[]>;
  approval: ApprovalRow;
  former: string;
}

interface LibraryScript extends LibraryRow {
  files: { name: string; text: string; bytes: number }[];
  change: { version: string; lines: string[] } | null;
}

interface StandingRow {
  peer: string;
  organisation_name: string;
  fingerprint: string;
  not_before: number;
  not_after: number;
  renewal_from: number;
  renewable: boolean;
  spki: string;
  round_trip: number | null;
  about?: { product: string; licence: string; python: string; program: LicenceRow[]; page: LicenceRow[] };
}

interface LicenceRow {
  name: string;
  version: string;
  licence: string;
}

interface SessionRow {
  id: string;
  label: string;
  verified: boolean;
  guest: boolean;
  phase: "dialling" | "connected" | "waiting" | "open" | "reconnecting" | "over";
  shown: boolean;
}

interface ChatLine {
  from: "technician" | "user" | "colleague";
  name: string;
  text: string;
  at: number;
}

/** technician_client/console/hub.py LiveSession.snapshot */
interface SessionSnapshot extends SessionRow {
  peer: string;
  by_code: boolean;
  sas: string;
  says: string;
  reason: string;
  wanted: string[];
  granted: string[];
  answer_in: number | null;
  open_for: number | null;
  seconds: number | null;
  session_id: string;
  unattended: boolean;
  paused: string | null;
  over: null | { reason: string; text: string; clean: boolean; by_peer: boolean; receipt: string };
  chat: ChatLine[];
  forwards: import("./features/forwards.js").Forward[];
  after_restart: number;
  recording: null | { stage: "off" | "announcing" | "on" | "held"; name: string; seconds: number | null; reason: string; text: string };
  note: string;
  company: import("./features/company.js").CompanyState;
}

interface Finding {
  id: string;
  title: string;
  severity: "critical" | "warning" | "notice";
  text: string;
  evidence: Record<string, Cell>;
  fix: string;
  fix_parameters: Record<string, string | number | boolean>;
  article: string;
}

interface FixParameter {
  name: string;
  kind: "text" | "int" | "bool" | "choice";
  title: string;
  required: boolean;
  default: string | number | boolean | null;
  pattern: string;
  low: number | null;
  high: number | null;
  choices: string[];
}

interface FixEntry {
  id: string;
  version: string;
  title: string;
  description: string;
  min_tier: number;
  run_as: "user" | "root";
  parameters: FixParameter[];
  answers: string[];
  effects: string[];
  available: boolean;
  why_not: string;
  digest: string;
}

interface Stats {
  round_trip_ms: number | null;
  round_trip_last_ms: number | null;
  updates_per_second: number;
  bytes_per_second: number;
  unpainted: number;
}
