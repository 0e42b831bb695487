import { Injectable } from '@nestjs/common';

/** The only source of the current time; services take it as a dependency so that a test can move it. */
@Injectable()
export class Clock {
  /** The current instant. */
  now(): Date {
    return new Date();
  }
}
