import leven from 'leven'

/** The candidate that is a few letters away, if any is; `most` letters at most. */
export function nearestWord(word: string, candidates: readonly string[], most = Math.max(1, Math.floor(word.length / 3))): string | undefined {
  const [best] = candidates
    .map((candidate) => ({ candidate, far: leven(word.slice(0, 64).toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ far }) => far <= most)
    .toSorted((a, b) => a.far - b.far)
  return best?.candidate
}
