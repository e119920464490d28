import { Component, type ReactNode } from 'react'
import { Problem } from './states.tsx'

interface State {
  readonly error: unknown
}

/** A page that fails takes nothing else with it. */
export class Boundary extends Component<{ readonly children: ReactNode }, State> {
  override readonly state: State = { error: undefined }

  static getDerivedStateFromError(error: unknown): State {
    return { error: error ?? new Error('unknown') }
  }

  override render(): ReactNode {
    const { error } = this.state
    return error === undefined ? this.props.children : <Problem title="This page failed" error={error} onRetry={() => { window.location.reload() }} />
  }
}
