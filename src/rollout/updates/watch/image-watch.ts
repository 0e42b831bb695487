import { Injectable } from '@nestjs/common';
import { ImageCheck } from '../../../firmware/binaries/image-check.js';
import { RolloutRules } from '../../store/rollout-rules.js';
import { RolloutEvents } from '../../store/rollout.events.js';

/** Stops offers of an image when it is found damaged, and resumes them when it is repaired. */
@Injectable()
export class ImageWatch {
  constructor(images: ImageCheck, rules: RolloutRules, events: RolloutEvents) {
    images.changed.subscribe((change) => {
      rules.imagesChanged();
      if (change === 'mended') events.publish('all');
    });
  }
}
