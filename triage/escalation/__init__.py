"""Who answers when: on-call schedules and the path carried out over time."""
