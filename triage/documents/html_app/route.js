// What the address says: a view with its filters, a cluster (#C7) or a test (#nodeid).

export const VIEWS = ["causes", "tests", "timeline", "changes", "trends", "flaky", "hunt", "run"];

/** The address behind `#` as a view, what it shows, and its filters. */
export function readRoute(hash, report) {
  const text = hash.replace(/^#/, "");
  if (text.startsWith("/")) {
    const [name, query] = text.slice(1).split(/\?(.*)/s);
    const view = VIEWS.includes(name) ? name : "causes";
    return { view, subject: null, filters: new URLSearchParams(query || "") };
  }
  const nothing = new URLSearchParams();
  if (!text) return { view: "causes", subject: null, filters: nothing };
  // a node id may hold signs that look like an escape: as it stands goes first
  for (const candidate of [text, decoded(text)]) {
    if (report.clusterById.has(candidate)) {
      return { view: "causes", subject: report.clusterById.get(candidate).id, filters: nothing };
    }
    if (report.testById.has(candidate)) return { view: "test", subject: candidate, filters: nothing };
  }
  return { view: "missing", subject: decoded(text), filters: nothing };
}

// Half of a surrogate pair is no text that an address could hold; as %uD800 it can.
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

function encoded(text) {
  const parts = text.split(LONE_SURROGATE).map(encodeURIComponent);
  const lone = (text.match(LONE_SURROGATE) || []).map((half) => "%u" + half.charCodeAt(0).toString(16));
  return parts.map((part, index) => part + (lone[index] || "")).join("");
}

function decoded(text) {
  try {
    return decodeURIComponent(text.replace(/%u([0-9a-f]{4})/g, (_, code) => String.fromCharCode(parseInt(code, 16))));
  } catch {
    return text;
  }
}

export function addressOfTest(id) {
  return "#" + encoded(id).replaceAll("%2F", "/").replaceAll("%3A", ":");
}

export function addressOfCluster(id) {
  return "#" + id;
}

/** The address of a view; empty filters are left out. */
export function addressOfView(view, filters) {
  const kept = new URLSearchParams();
  for (const [name, value] of filters || []) {
    if (value) kept.append(name, value);
  }
  const query = kept.toString();
  return `#/${view}${query ? "?" + query : ""}`;
}
