import { Injectable } from '@nestjs/common';
import type { SubscribeRequest } from '../printer/subscribe-request.js';
import { Inbox } from './updates/inbox.js';
import type { Offer } from './updates/offer.js';
import type { Speaker } from './updates/plan/jobs.js';

/** The result of a subscribe; all of it is on disk. */
export interface Subscribed {
  printerId: number;
  /** The update to send, which is in progress; null if there is none. */
  offer: Offer | null;
}

/** The connection that a subscribe came over. */
export interface SubscribeObserver extends Speaker {
  /** The subscribe is on disk. Called in the order in which subscribes are carried out. */
  subscribed(printerId: number): void;
}

/** A connected printer that may have an update. */
export interface OfferRecipient {
  /** Its UUID, lower-case. */
  uuid: string;
  /** Its connection. */
  speaker: Speaker;
  /** Asked when its job is carried out: false if the printer is gone, or subscribes again and is decided on then. */
  isReady: () => boolean;
}

/** What rollouts offer to printers. The gateway calls it; operators use `Rollouts`. */
@Injectable()
export class RolloutService {
  constructor(private readonly inbox: Inbox) {}

  /**
   * Handles the subscribe of a printer: registers it, reconciles its earlier updates with the version it runs, and decides what it is sent.
   *
   * @param observer omit it if nobody needs to know before the promise resolves
   * @throws PrinterRefusedError if the printer may not connect
   */
  printerSubscribed(request: SubscribeRequest, observer?: SubscribeObserver): Promise<Subscribed> {
    return new Promise((resolve, reject) => {
      this.inbox.submit({
        job: () => ({ kind: 'subscribe', request, speaker: observer ?? {} }),
        done: (result) => {
          if (result?.printerId == null) {
            reject(result?.refused ?? new Error('A subscribe led to no printer'));
            return;
          }
          const { printerId, offer } = result;
          observer?.subscribed(printerId);
          resolve({ printerId, offer });
        },
        failed: reject,
      });
    });
  }

  /**
   * Decides what a printer that is already connected is sent now.
   *
   * @returns the update to send, which is on disk as in progress; null if there is none
   */
  offerFor({ uuid, speaker, isReady }: OfferRecipient): Promise<Offer | null> {
    return new Promise((resolve, reject) => {
      this.inbox.submit({
        job: () => (isReady() ? { kind: 'offer', uuid, speaker } : null),
        done: (result) => resolve(result?.offer ?? null),
        failed: reject,
      });
    });
  }
}
