"""Speed, scale and figures on real data, side by side with what they are compared to; runnable by anyone."""
