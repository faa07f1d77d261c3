"""The desks of training: modules, documents, drills, experience, and the teach-back of a course."""
