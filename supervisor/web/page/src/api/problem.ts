/** What went wrong, as the box tells it (RFC 9457): the cause, and what to do next. */

export class Problem extends Error {
  override readonly name = "Problem";
  readonly code: string;
  readonly detail: string;
  readonly hint: string;
  /** The HTTP status; 0 where no answer came. */
  readonly status: number;
  /** What else the problem object holds, such as `reasons` or `by`. */
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(code: string, detail: string, hint: string, status = 0, fields: Record<string, unknown> = {}) {
    super(detail);
    this.code = code;
    this.detail = detail;
    this.hint = hint;
    this.status = status;
    this.fields = fields;
  }
}

/** The problem in a parsed body; one of our own words where a proxy answered in the box's place. */
export function problemOf(status: number, body: unknown): Problem {
  if (isObject(body) && typeof body["code"] === "string") {
    const { code, detail, hint, ...fields } = body;
    return new Problem(String(code), text(detail) || `the box says ${status}`, text(hint), status, fields);
  }
  return new Problem("unreadable", `something that is not the box answered ${status}`, "check the proxy in front of it", status);
}

/** For whoever has to show something that was thrown: a fault of this page is told as one. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new Problem("page_fault", `a fault in this page: ${detail}`, "load the page again");
}

export function unreachable(): Problem {
  return new Problem("unreachable", "the box does not answer", "check that rc serve runs and that this device is on its network");
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
