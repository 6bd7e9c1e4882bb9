/**
 * Which samples a protocol takes: in the order of a hash of their ids, round-robin over classes, so that neither the disk nor the data
 * set's own order decides.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

export interface Candidate {
  readonly id: string;
  /** class indices; several when multi-label */
  readonly labels: readonly number[];
}

/**
 * The first `count` candidates (all, if fewer): classes take turns in the order of their own hash, each gives its next sample by hash.
 * A multi-label sample counts for its rarest positive label (the lower index of two as rare), one without positives for none of them.
 *
 * @param dataset id without its size, so that 28 and 224 pixels choose the same images
 */
export function selectSamples<C extends Candidate>(
  protocolSeed: string,
  dataset: string,
  candidates: readonly C[],
  count: number,
): C[] {
  const hash = (text: string) => bytesToHex(sha256(utf8ToBytes(`${protocolSeed} | ${dataset} | ${text}`)));
  const frequency = new Map<number, number>();
  for (const { labels } of candidates) for (const l of labels) frequency.set(l, (frequency.get(l) ?? 0) + 1);
  const turnOf = ({ labels }: C) =>
    labels.length === 0
      ? -1
      : labels.reduce((a, b) => ((frequency.get(b)! - frequency.get(a)! || b - a) < 0 ? b : a));

  const queues = new Map<number, { sample: C; key: string }[]>();
  for (const sample of candidates) {
    const turn = turnOf(sample);
    const entry = { sample, key: hash(sample.id) };
    const queue = queues.get(turn);
    if (queue) queue.push(entry);
    else queues.set(turn, [entry]);
  }
  const byKey = (a: { key: string }, b: { key: string }) => (a.key < b.key ? -1 : 1);
  const turns = [...queues]
    .map(([turn, queue]) => ({ key: hash(`class ${turn}`), queue: queue.sort(byKey) }))
    .sort(byKey);
  const chosen: C[] = [];
  for (let round = 0; chosen.length < Math.min(count, candidates.length); round++) {
    for (const { queue } of turns) {
      if (round < queue.length && chosen.length < count) chosen.push(queue[round].sample);
    }
  }
  return chosen;
}
