import type { ReactNode } from 'react'

const PATHS = {
  shield: 'M12 2 4 5v6c0 5 3.4 9.3 8 11 4.6-1.7 8-6 8-11V5zm-1.2 14-3.6-3.6 1.4-1.4 2.2 2.2 4.8-4.9 1.4 1.4z',
  sun: 'M12 7a5 5 0 1 0 0 10 5 5 0 0 0 0-10zM11 1h2v3h-2zm0 19h2v3h-2zM1 11h3v2H1zm19 0h3v2h-3zM3.5 4.9l1.4-1.4 2.1 2.1L5.6 7zm13.5 13.5 1.4-1.4 2.1 2.1-1.4 1.4zM3.5 19.1 5.6 17 7 18.4l-2.1 2.1zM17 5.6l2.1-2.1 1.4 1.4L18.4 7z',
  moon: 'M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z',
  check: 'm9.5 17.5-5-5 1.7-1.7 3.3 3.3 8.3-8.3 1.7 1.7z',
  cross: 'm6.4 4.9 5.6 5.6 5.6-5.6 1.5 1.5-5.6 5.6 5.6 5.6-1.5 1.5-5.6-5.6-5.6 5.6-1.5-1.5 5.6-5.6-5.6-5.6z',
  alert: 'M12 3 1.5 21h21zm-1 7h2v5h-2zm0 6.5h2v2h-2z',
  question: 'M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm-1 15h2v2h-2zm1-12a4 4 0 0 1 4 4c0 2.5-3 2.8-3 5h-2c0-3.2 3-3.2 3-5a2 2 0 0 0-4 0H8a4 4 0 0 1 4-4z',
  dash: 'M5 11h14v2H5z',
  out: 'M14 4h6v6h-2V7.4l-8.3 8.3-1.4-1.4L16.6 6H14zM5 6h5v2H6v10h10v-4h2v6H4V6z',
  pin: 'M14 3 21 10l-2 1-3.5 3.5L15 19l-1.5 1-4-4L4 21.5 2.5 20 8 14.5l-4-4L5 9l4.5-.5L13 5z',
} as const

export type IconName = keyof typeof PATHS

/** Beside words that say the same. */
export const Icon = ({ name, size = 16 }: { readonly name: IconName; readonly size?: number }): ReactNode => (
  <svg width={size} height={size} viewBox="0 0 24 24" fill="currentColor" aria-hidden="true" focusable="false"><path d={PATHS[name]} /></svg>
)
