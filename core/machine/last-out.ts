import type { StageRef } from '../ports/state-store.ts';
import { closeStageIfDone } from './close-stage.ts';
import type { Engine } from './engine.ts';

/** The messages of one stage that a worker is at. */
interface Room {
  inside: number;
  /** A task has ended, and nobody has asked since whether it was the last. */
  owed: boolean;
}

/**
 * Of the messages of one stage that a worker is at together, only the last to leave asks whether the stage is done, for
 * all of them. While one is inside, its task is open, or its own end brings the question: so no other needs a round trip
 * to learn that. If the worker dies, the message of whoever was inside comes again, and brings the question with it.
 */
export class LastOut {
  readonly #rooms = new Map<string, Room>();

  /** Does the work of one message; `work` answers whether a task of the stage may have ended. Throws what it throws. */
  async leave(engine: Engine, ref: StageRef, work: () => Promise<boolean>): Promise<void> {
    const key = `${ref.jobId}/${ref.run}/${ref.stage}`;
    const room = this.#rooms.get(key) ?? { inside: 0, owed: false };
    this.#rooms.set(key, room);
    room.inside += 1;
    try {
      if (await work()) room.owed = true;
    } finally {
      room.inside -= 1;
      if (room.inside === 0) {
        this.#rooms.delete(key);
        if (room.owed) await closeStageIfDone(engine, ref);
      }
    }
  }
}
