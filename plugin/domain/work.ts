/** What costs, counted: how much of it a request causes does not depend on the machine. */
export interface Work {
  /** Packuments that were read, from a body or a file. */
  reads: number
  /** Answers that were written and compressed. */
  answers: number
  /** Registry signatures that were verified. */
  signatures: number
  /** Attestations documents that were verified. */
  attestations: number
  /** Answers that were given before anything else looked at the request. */
  warm: number
}

export const noWork = (): Work => ({ reads: 0, answers: 0, signatures: 0, attestations: 0, warm: 0 })
