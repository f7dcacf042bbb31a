package config

// escapable: no name has * or ? here, and a \ before them or another \ is one that separates.
const escapable = "[]{}!,-^"
