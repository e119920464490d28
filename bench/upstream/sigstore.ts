/** The private Sigstore of the fake upstream: processes that name it have the same keys. */
export const SIGSTORE = 'benchmark'
