// Reads the data of the page, and makes of its columns the objects that the views show.

/** The document in the page; raises where it cannot be read. */
export async function readDocument(element) {
  const text = element.textContent;
  if (element.type === "application/json") return JSON.parse(text);
  const binary = atob(text.trim());
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index += 1) bytes[index] = binary.charCodeAt(index);
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(unpacked).text());
}

/** Everything the views ask for. */
export class Report {
  constructor(data) {
    this.data = data;
    const evidence = data.evidence;
    this.run = evidence.run;
    this.history = evidence.history;
    this.attempts = evidence.attempts;
    this.flaky = evidence.flaky;
    this.gone = evidence.gone;
    this.hunt = evidence.hunt;
    this.surroundings = data.surroundings;
    this.clusters = evidence.clusters;
    this.clusterById = new Map();
    for (const cluster of this.clusters) {
      this.clusterById.set(cluster.id, cluster);
      for (const alias of cluster.aliases) {
        if (!this.clusterById.has(alias)) this.clusterById.set(alias, cluster);
      }
    }
    this.failuresOf = new Map();
    for (const failure of evidence.failures) {
      if (!this.failuresOf.has(failure.test)) this.failuresOf.set(failure.test, []);
      this.failuresOf.get(failure.test).push(failure);
    }
    this.tests = this.readTests(evidence.tests);
    this.testById = new Map();
    for (const test of this.tests) {
      if (!this.testById.has(test.id)) this.testById.set(test.id, test);
    }
  }

  readTests(columns) {
    const { letters } = this.data;
    return columns.names.map((name, index) => {
      const file = columns.files[columns.file_of[index]];
      const clusters = columns.clusters[index] || [];
      const first = (this.failuresOf.get(index) || [])[0];
      return {
        index,
        id: file + name,
        file,
        name,
        outcome: letters[columns.outcomes[index]],
        millis: columns.millis[index],
        chunk: columns.chunks[columns.chunk_of[index]] || null,
        clusters,
        detail: columns.details[index] || {},
        message: first ? [first.exception, first.message].filter(Boolean).join(": ") : "",
        owner: clusters.map((id) => (this.clusterById.get(id) || {}).owner).find(Boolean) || this.ownerOfFile(file),
      };
    });
  }

  /** Owners by CODEOWNERS; null where nobody owns the file. */
  ownerOfFile(path) {
    return (this.surroundings.owners || {})[path] || null;
  }

  /** Who was named as the owner of a cluster, else who owns the lines where it fails. */
  ownerOfCluster(cluster) {
    const places = [cluster.product, cluster.own].filter(Boolean);
    return cluster.owner || places.map((place) => this.ownerOfFile(place.path)).find(Boolean) || null;
  }

  /** How a test fared in each recorded run, oldest first; null where the run did not have it. */
  outcomesOf(test) {
    return this.history.map((run) => this.data.letters[run.outcomes[test.index]] || null);
  }

  /** How many failing tests of a cluster each run had. */
  trendOf(cluster) {
    const ids = [cluster.id, ...cluster.aliases];
    return this.history.map((run) => ids.reduce((sum, id) => sum + (run.clusters[id] || 0), 0));
  }

  /** The lines around a place; null where the page has none. */
  excerptAt(place) {
    const found = this.surroundings.excerpts.find(
      (excerpt) =>
        excerpt.path === place.path &&
        place.line >= excerpt.first &&
        place.line < excerpt.first + excerpt.lines.length,
    );
    return found || null;
  }

  /** The address of a source line at the commit; null where nobody knows one. */
  sourceAddress(path, line) {
    const address = this.surroundings.source_url;
    if (!address || path.startsWith("/") || path.startsWith("..") || path.includes("site-packages/")) return null;
    const escaped = path.split("/").map(encodeURIComponent).join("/");
    return address.replace("{path}", escaped).replace("{line}", String(line));
  }

  commitAddress(commit) {
    const address = this.surroundings.commit_url;
    return address && /^[0-9a-f]{7,64}$/.test(commit || "") ? address.replace("{commit}", commit) : null;
  }
}
