"""Tracking: runs, registered versions, reviews and the gate to champion.

The only room with MLflow. May import: `report` and what lies below.
"""
