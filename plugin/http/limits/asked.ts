import { AsyncLocalStorage } from 'node:async_hooks'

/** Whether an uplink was asked for a request's sake, which nobody had asked yet: who only waits for another's question is not charged for it. */
export interface Asked {
  uplink: boolean
}

const asking = new AsyncLocalStorage<Asked>()

/** Runs a request; what it makes the mirror ask is noted in `asked`. */
export const asAsking = (asked: Asked, handle: () => void): void => { asking.run(asked, handle) }

/** An uplink was asked. */
export function uplinkAsked(): void {
  const asked = asking.getStore()
  if (asked !== undefined) asked.uplink = true
}
