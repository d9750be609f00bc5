"""What makes ideas. Each operator sees a `Situation` and drafts whole new texts; gates and measurement are not its business."""
